#!/usr/bin/env bash
# Look for known vulnerabilities of the installed versions. The exit code is 1 if there are any, and 0, with a clear
# message, if the source of advisories cannot be reached. Needs: pip install '.[audit]'
set -euo pipefail

command -v pip-audit >/dev/null || { echo "audit: pip-audit is not installed (pip install '.[audit]')" >&2; exit 2; }
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

ask() { # FILE SECONDS: audit the exact versions in FILE; prints JSON, or nothing
  timeout "$2" pip-audit --disable-pip --no-deps --progress-spinner off --timeout 5 --format json \
    --requirement "$1" 2>"$scratch/errors" || true
}

# A release that is known to be vulnerable distinguishes silence from good news: a mirror that only has packages
# answers nothing.
echo "jinja2==2.4.1" >"$scratch/canary.txt"
if ! ask "$scratch/canary.txt" 30 | grep -q '"vulns": \[{'; then
  echo "audit: the source of advisories cannot be reached from here, so NOTHING was audited"
  exit 0
fi

python -m pip list --format freeze --exclude-editable --exclude single-datum-benchmark >"$scratch/installed.txt"
ask "$scratch/installed.txt" 300 >"$scratch/answer.json"
python - "$scratch/answer.json" <<'PYTHON'
import json
import sys

text = open(sys.argv[1], encoding="utf-8").read()
if not text:
    print("audit: the source of advisories stopped answering, so NOTHING was audited")
    sys.exit(0)
packages = json.loads(text)["dependencies"]
bad = [package for package in packages if package.get("vulns")]
for package in bad:
    for advisory in package["vulns"]:
        fixed = ", ".join(advisory["fix_versions"]) or "no version"
        print(f"audit: {package['name']} {package['version']}: {advisory['id']}, fixed in {fixed}")
unknown = [package["name"] for package in packages if "skip_reason" in package]
print(f"audit: {len(packages) - len(unknown)} packages looked up, {len(bad)} with known vulnerabilities")
if unknown:
    print(f"audit: not known to the source: {', '.join(unknown)}")
sys.exit(bool(bad))
PYTHON
