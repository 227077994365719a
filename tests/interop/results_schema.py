#!/usr/bin/python3
"""Files of results against bench/results/results.schema.json, judged by python-jsonschema.

Usage: results_schema.py PROGRAM. PROGRAM writes a file of results to its argument.
"""
import copy
import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import jsonschema
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

root = pathlib.Path(__file__).resolve().parents[2]
schema = json.loads((root / "bench/results/results.schema.json").read_text())
jsonschema.Draft202012Validator.check_schema(schema)
judge = jsonschema.Draft202012Validator(schema)

with tempfile.TemporaryDirectory() as directory:
    path = pathlib.Path(directory) / "results.json"
    subprocess.run([sys.argv[1], path], check=True)
    results = json.loads(path.read_text())

judge.validate(results)
checked = 1


def must_fail(what, change):
    """The schema refuses what the reader refuses."""
    global checked
    wrong = copy.deepcopy(results)
    change(wrong)
    assert not judge.is_valid(wrong), f"{what} passes the schema"
    checked += 1


must_fail("an older schema", lambda r: r.update(schema="braggbench-results/0"))
must_fail("an unknown member", lambda r: r.update(author="me"))
must_fail("a baseline without reason", lambda r: r["baseline"][0].update(reason=""))
for key in schema["required"]:
    must_fail(f"no {key}", lambda r: r.pop(key))
for key in schema["$defs"]["measure"]["required"]:
    must_fail(f"a measure without {key}", lambda r: r["measures"][0].pop(key))
must_fail("samples of null", lambda r: r["measures"][0]["samples"].update(values=[None]))
must_fail("an interval of three", lambda r: r["measures"][0].update(ci95=[0, 0, 1]))
must_fail("a text of a score", lambda r: r["measures"][0].update(text="a"))
must_fail("exact without text", lambda r: r["measures"][-1].pop("text"))
must_fail("another kind", lambda r: r["measures"][0].update(kind="guess"))
print(f"{checked} files judged as expected")
