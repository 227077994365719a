"""Every metric agrees with scikit-learn (and SciPy's binomial and rank sum tests) to 1e-9, on random and on awkward inputs.

usage: metrics_sklearn.py WRITE_METRICS
"""

import json
import subprocess
import sys
import warnings

try:
    import numpy as np
    from scipy.stats import binomtest, mannwhitneyu
    from sklearn import metrics
    from sklearn.calibration import calibration_curve
except ImportError as error:
    print(f"skipped: {error} (install python3-sklearn)")
    sys.exit(77)

TOLERANCE = 1e-9
compared = 0


def same(ours, theirs, what):
    """None stands for undefined: there scikit-learn has NaN, an error or a substitute, which `theirs` tells as None."""
    global compared
    compared += 1
    if theirs is None or (isinstance(theirs, float) and np.isnan(theirs)):
        assert ours is None, f"{what}: {ours}, should be undefined"
        return
    assert ours is not None, f"{what}: undefined, should be {theirs}"
    np.testing.assert_allclose(ours, theirs, rtol=TOLERANCE, atol=TOLERANCE, err_msg=what)


def cases(rng):
    confusion = []
    for n, k in ((500, 5), (40, 3), (3, 4), (1, 2)):
        truth = rng.integers(0, k, n)
        predicted = np.where(rng.random(n) < 0.6, truth, rng.integers(0, k, n))
        confusion.append({"truth": truth, "predicted": predicted, "classes": k})
    confusion.append({"truth": [1, 1, 1], "predicted": [1, 1, 1], "classes": 3})  # one class, right
    confusion.append({"truth": [1, 1, 1], "predicted": [0, 2, 2], "classes": 3})  # one class, wrong
    confusion.append({"truth": [0, 2, 2, 0], "predicted": [0, 2, 0, 2], "classes": 4})  # empty classes
    confusion.append({"truth": [0, 1, 2], "predicted": [1, 1, 1], "classes": 3})  # one class predicted
    ranking = []
    for n, levels in ((400, 0), (400, 7), (30, 2), (50, 1), (2, 0)):
        scores = rng.normal(size=n)
        if levels:
            scores = np.floor(rng.random(n) * levels) / levels
        truth = rng.integers(0, 2, n)
        truth[:2] = (0, 1)
        ranking.append({"truth": truth, "scores": scores, "counts": rng.integers(0, 3, n) + (np.arange(n) < 2)})
    for truth in ([1, 1, 1], [0, 0, 0]):
        ranking.append({"truth": truth, "scores": [0.1, 0.5, 0.5], "counts": [1, 1, 1]})
    one_versus_rest = []
    for n, k, decimals in ((300, 5, 8), (300, 4, 1), (12, 3, 1)):
        truth = np.concatenate([np.arange(k), rng.integers(0, k, n - k)])
        scores = np.round(rng.dirichlet(np.ones(k), n) + 0.3 * np.eye(k)[truth], decimals)
        one_versus_rest.append({"truth": truth, "scores": scores, "classes": k})
    one_versus_rest.append({"truth": [0, 0, 2], "scores": np.eye(3)[[0, 1, 2]], "classes": 3})  # an empty class
    calibration = []
    for bins in (1, 5, 10, 15):
        confidences = rng.random(600)
        calibration.append({"confidences": confidences, "right": (rng.random(600) < confidences**2).astype(int), "bins": bins})
        edges = np.linspace(0, 1, bins + 1)
        calibration.append({"confidences": np.repeat(edges, 3), "right": np.tile([0, 1, 1], bins + 1), "bins": bins})
    regression = []
    for n in (500, 3, 2):
        truth = rng.normal(size=n) * 100
        regression.append({"truth": truth, "predicted": truth + rng.normal(size=n)})
    regression.append({"truth": [5.0, 5.0, 5.0], "predicted": [5.0, 4.0, 6.0]})  # constant
    regression.append({"truth": [1.0], "predicted": [2.0]})
    mcnemar = [
        {"first": b, "second": c, "p": rng.random(6) ** 3}
        for b, c in ((0, 0), (5, 5), (0, 12), (3, 1), (40, 61), (700, 500), (20000, 20400), (0, 3000))
    ]
    rank_sum = [{"first": rng.normal(size=m), "second": rng.normal(size=n) + 1} for m, n in ((4, 6), (10, 10), (30, 25))]
    rank_sum.append({"first": rng.integers(0, 5, 12), "second": rng.integers(1, 6, 9)})  # ties
    return {
        "confusion": confusion,
        "ranking": ranking,
        "one_versus_rest": one_versus_rest,
        "calibration": calibration,
        "regression": regression,
        "mcnemar": mcnemar,
        "rank_sum": rank_sum,
    }


def judge_confusion(case, ours):
    t, p, k = np.asarray(case["truth"]), np.asarray(case["predicted"]), case["classes"]
    labels = list(range(k))
    np.testing.assert_array_equal(ours["confusion"], metrics.confusion_matrix(t, p, labels=labels))
    scores = ours["scores"]
    same(scores["accuracy"]["value"], metrics.accuracy_score(t, p), "accuracy")
    same(scores["balanced_accuracy"]["value"], metrics.balanced_accuracy_score(t, p), "balanced accuracy")
    mcc = None if len(set(t)) == 1 or len(set(p)) == 1 else metrics.matthews_corrcoef(t, p)
    same(scores["mcc"]["value"], mcc, "MCC")
    one_agreed = len(set(t) | set(p)) == 1
    kappa = None if one_agreed else metrics.cohen_kappa_score(t, p, weights="quadratic", labels=labels)
    same(scores["quadratic_kappa"]["value"], kappa, "kappa")
    same(scores["macro_f1"]["value"], metrics.f1_score(t, p, average="macro"), "macro F1")
    precision, recall, f1, support = metrics.precision_recall_fscore_support(t, p, labels=labels, zero_division=0)
    for c in labels:
        mine = scores["classes"][c]
        called, occurs = (p == c).any(), (t == c).any()
        assert mine["support"] == support[c]
        same(mine["precision"]["value"], precision[c] if called else None, "precision")
        same(mine["recall"]["value"], recall[c] if occurs else None, "recall")
        same(mine["f1"]["value"], f1[c] if called or occurs else None, "F1")


def judge_ranking(case, ours):
    t, s, w = case["truth"], case["scores"], case["counts"]
    both = len(set(t)) == 2
    same(ours["roc_auc"], metrics.roc_auc_score(t, s) if both else None, "AUC")
    same(ours["average_precision"], metrics.average_precision_score(t, s) if 1 in t else None, "AP")
    if both:
        same(ours["weighted_roc_auc"], metrics.roc_auc_score(t, s, sample_weight=w), "weighted AUC")
        weighted = metrics.average_precision_score(t, s, sample_weight=w)
        same(ours["weighted_average_precision"], weighted, "weighted AP")
        fpr, tpr, _ = metrics.roc_curve(t, s, drop_intermediate=False)
        same(ours["roc_curve"], np.column_stack([fpr, tpr]), "ROC curve")


def judge_one_versus_rest(case, ours):
    t, s, k = np.asarray(case["truth"]), np.asarray(case["scores"]), case["classes"]
    auc, ap = [], []
    for c in range(k):
        is_class = (t == c).astype(int)
        occurs = is_class.any()
        auc.append(metrics.roc_auc_score(is_class, s[:, c]) if occurs and not is_class.all() else None)
        ap.append(metrics.average_precision_score(is_class, s[:, c]) if occurs else None)
        same(ours["roc_auc"][c]["value"], auc[c], "AUC of a class")
        same(ours["average_precision"][c]["value"], ap[c], "AP of a class")
        same(ours["average_precision"][c]["chance"], is_class.mean(), "prevalence")
    if None not in auc:
        onehot = np.eye(k)[t]
        same(ours["mean_roc_auc"]["value"], metrics.roc_auc_score(onehot, s, average="macro"), "macro AUC")
        same(ours["mean_average_precision"]["value"], metrics.average_precision_score(onehot, s), "mAP")
    else:
        same(ours["mean_roc_auc"]["value"], np.mean([a for a in auc if a is not None]), "macro AUC")
        same(ours["mean_average_precision"]["value"], np.mean([a for a in ap if a is not None]), "mAP")


def judge_calibration(case, ours):
    confidences, right = np.asarray(case["confidences"]), np.asarray(case["right"]).astype(int)
    true, predicted = calibration_curve(right, confidences, n_bins=case["bins"], strategy="uniform")
    curve = np.array(ours["curve"])
    same(curve[:, 0], predicted, "reliability: confidence")
    same(curve[:, 1], true, "reliability: accuracy")
    assert curve[:, 2].sum() == len(right)
    same(ours["error"]["value"], np.sum(curve[:, 2] * np.abs(true - predicted)) / len(right), "ECE")


def judge_regression(case, ours):
    t, p = np.asarray(case["truth"]), np.asarray(case["predicted"])
    same(ours["mae"]["value"], metrics.mean_absolute_error(t, p), "MAE")
    same(ours["rmse"]["value"], metrics.mean_squared_error(t, p, squared=False), "RMSE")
    same(ours["r2"]["value"], metrics.r2_score(t, p) if len(set(t)) > 1 else None, "R2")
    same(ours["mae"]["chance"], metrics.mean_absolute_error(t, np.full_like(t, np.median(t))), "MAE of the median")


def judge_mcnemar(case, ours):
    b, c = case["first"], case["second"]
    # SciPy calls a split of 0:0 an error; relative agreement, as p-values are tiny.
    p = binomtest(b, b + c).pvalue if b + c else 1.0
    np.testing.assert_allclose(ours["p"], p, rtol=TOLERANCE, err_msg=f"McNemar {b}:{c}")
    order = np.argsort(case["p"])
    steps = np.array(case["p"])[order] * np.arange(len(order), 0, -1)
    holm = np.empty(len(order))
    holm[order] = np.minimum(1, np.maximum.accumulate(steps))
    same(ours["holm"], holm, "Holm")


def judge_rank_sum(case, ours):
    a, b = np.asarray(case["first"]), np.asarray(case["second"])
    exact = len(a) + len(b) <= 40 and len(set(a) | set(b)) == len(a) + len(b)
    same(ours["p"], mannwhitneyu(a, b, method="exact" if exact else "asymptotic").pvalue, "rank sum")


def main(write_metrics):
    warnings.simplefilter("ignore")
    for seed in range(3):
        asked = cases(np.random.default_rng(seed))
        text = json.dumps(asked, default=lambda value: np.asarray(value).tolist())
        answer = subprocess.run([write_metrics], input=text, capture_output=True, text=True, check=True)
        answered = json.loads(answer.stdout)
        for kind, judge in (
            ("confusion", judge_confusion),
            ("ranking", judge_ranking),
            ("one_versus_rest", judge_one_versus_rest),
            ("calibration", judge_calibration),
            ("regression", judge_regression),
            ("mcnemar", judge_mcnemar),
            ("rank_sum", judge_rank_sum),
        ):
            for case, ours in zip(asked[kind], answered[kind], strict=True):
                judge(case, ours)
    print(f"{compared} numbers agree with scikit-learn to {TOLERANCE:g}")


if __name__ == "__main__":
    main(sys.argv[1])
