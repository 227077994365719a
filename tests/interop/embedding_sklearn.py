"""Our exact t-SNE ends at least as low as scikit-learn's; trustworthiness and principal components agree with it.

usage: embedding_sklearn.py WRITE_EMBEDDING
"""

import json
import subprocess
import sys

try:
    import numpy as np
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE, trustworthiness
except ImportError as error:
    print(f"skipped: {error} (install python3-sklearn)")
    sys.exit(77)


def cases(rng):
    clusters = rng.normal(size=(400, 20)) + 6 * np.eye(20)[rng.integers(0, 5, 400)]
    turns = rng.uniform(0, 3 * np.pi, 300)
    roll = np.stack([turns * np.cos(turns), rng.uniform(0, 8, 300), turns * np.sin(turns)], 1)
    cloud = rng.normal(size=(250, 49)) * np.linspace(3, 0.1, 49)
    return [(clusters, 30.0, 10), (roll, 15.0, 5), (cloud, 40.0, 12)]


def main():
    given = []
    references = []
    for points, perplexity, k in cases(np.random.default_rng(1)):
        theirs = TSNE(perplexity=perplexity, method="exact", init="pca", learning_rate="auto", n_iter=1000, random_state=1)
        places = theirs.fit_transform(points).astype(np.float64)
        references.append((points, places, theirs.kl_divergence_, k))
        given.append({"points": points.tolist(), "theirs": places.tolist(), "perplexity": perplexity, "neighbours": k,
                      "components": 3})
    run = subprocess.run([sys.argv[1]], input=json.dumps(given), capture_output=True, text=True, check=True)
    for ours, (points, places, divergence, k) in zip(json.loads(run.stdout), references):
        theirs = trustworthiness(points, places, n_neighbors=k)
        print(f"KL {ours['kl_divergence']:.4f}, scikit-learn's {divergence:.4f}; "
              f"trustworthiness {ours['trustworthiness']:.4f}, {theirs:.4f}")
        assert ours["kl_divergence"] <= 1.05 * divergence
        assert ours["trustworthiness"] >= theirs - 0.02
        own = trustworthiness(points, np.array(ours["places"]), n_neighbors=k)
        np.testing.assert_allclose(ours["trustworthiness"], own, rtol=0, atol=1e-9)
        np.testing.assert_allclose(ours["their_trustworthiness"], theirs, rtol=0, atol=1e-9)
        pca = PCA(3, svd_solver="full").fit(points)
        np.testing.assert_allclose(ours["explained_variance"], pca.explained_variance_ratio_, rtol=1e-9)
        # Signs are a convention: ours make the coordinate of largest magnitude positive, as theirs do.
        np.testing.assert_allclose(ours["scores"], pca.transform(points), rtol=0, atol=1e-8)


main()
