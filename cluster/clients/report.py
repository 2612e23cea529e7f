#!/usr/bin/env python3
"""Writes the results of the acceptance cases and of the client matrix into docs/s3-compatibility.md.

    pytest cluster/clients -o junit_family=xunit1 --junitxml=results.xml
    cluster/clients/report.py results.xml           fails unless the page says what the results say
    cluster/clients/report.py results.xml --write   writes the page
    cluster/clients/report.py results.xml --only clients    only one of the sections, cases and clients

Tests that were skipped, because a client is not there, say nothing against the page, and neither do other
versions of clients than those on the page.
"""

import argparse
import ast
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs/s3-compatibility.md"
CASES = REPOSITORY / "cluster/clients/cases"
MATRIX = REPOSITORY / "cluster/clients/matrix"
LAST_CASE = 110
SKIPPED = "skipped"


class Section:
    """The part of the page between two marks, that nobody writes by hand."""

    def __init__(self, name, page=PAGE):
        self.page = page
        self.begin, self.end = f"<!-- {name}: generated -->\n", f"<!-- {name}: end -->\n"
        text = page.read_text()
        if text.count(self.begin) != 1 or text.count(self.end) != 1:
            sys.exit(f"{page}: there are no marks of a section {name}")
        self.before, rest = text.split(self.begin)
        self.text, self.after = rest.split(self.end)

    def settle(self, text, is_writing):
        """Writes the section, or fails if it is not what it would be."""
        if text == self.text:
            print(f"{self.page.name}: the section is what the results say")
        elif is_writing:
            self.page.write_text(self.before + self.begin + text + self.end + self.after)
            print(f"{self.page.name}: written")
        else:
            old = set(self.text.splitlines())
            for line in text.splitlines():
                if line not in old:
                    print(f"not on the page: {line}", file=sys.stderr)
            sys.exit(f"{self.page.name}: not what the results say; write it with --write")


def outcome(case):
    """What a JUnit element says of a test."""
    for child in case:
        if child.tag in ("failure", "error"):
            return "fails"
        if child.tag == "skipped":
            if child.get("type") == "pytest.xfail":
                return f"expected to fail: {child.get('message')}"
            return SKIPPED
    return "passes"


def outcomes(files):
    """Results by the names of tests; of a test with parameters the worst.

    Later files are of tests that were run again.
    """
    worst = {}
    for file in files:
        found = {}
        for case in ElementTree.parse(file).iter("testcase"):
            found.setdefault(case.get("name").split("[")[0], set()).add(outcome(case))
        worst |= {name: min(results, key=severity) for name, results in found.items()}
    return worst


def severity(result):
    order = ["fails", "expected", "passes", SKIPPED]
    return order.index(result.split()[0])


def described():
    """The cases: files with what they are about, and the tests in them with what they show."""
    for file in sorted(CASES.glob("test_cases_*.py"), key=first_case):
        tree = ast.parse(file.read_text())
        yield file, ast.get_docstring(tree).splitlines()[0], tests_in(tree)


def tests_in(tree):
    """Tests of a module by their names, with their docstrings."""
    return [
        (function.name, ast.get_docstring(function))
        for function in tree.body
        if isinstance(function, ast.FunctionDef) and function.name.startswith("test_")
    ]


def first_case(file):
    return re.search(r"def test_(\d+)", file.read_text())[1]


def table(results, committed):
    lines, numbers = [], set()
    for file, title, tests in described():
        link = f"[{file.name}](../{file.relative_to(REPOSITORY)})"
        lines += [f"**{title.rstrip('.')}** ({link})", ""]
        lines += ["| case | what is shown | test | result |", "|---|---|---|---|"]
        for name, text in sorted(tests):
            number = int(name.split("_")[1])
            numbers.add(number)
            result = results.get(name)
            if result is None:
                sys.exit(f"{name}: no result")
            if result == SKIPPED:
                result = committed.get(name, SKIPPED)
            lines.append(f"| {number} | {' '.join(text.split())} | `{name}` | {result} |")
        lines.append("")
    missing = sorted(set(range(1, LAST_CASE + 1)) - numbers)
    if missing:
        sys.exit(f"cases without a test: {missing}")
    return "\n" + "\n".join(lines)


class ClientRow:
    """A client in one test, over all that it was run over."""

    def __init__(self):
        self.versions, self.schemes, self.results = set(), set(), set()

    def add(self, version, scheme, result):
        self.versions.add(version)
        self.schemes.add(scheme)
        self.results.add(result)

    def cells(self):
        return (
            ", ".join(sorted(self.versions)), ", ".join(sorted(self.schemes)),
            min(self.results, key=severity),
        )


def client_rows(files):
    """What each client was found to do, by the client and the name of the test."""
    rows = {}
    for file in files:
        found = {}
        for case in ElementTree.parse(file).iter("testcase"):
            noted = {item.get("name"): item.get("value") for item in case.iter("property")}
            if "client" in noted:
                name = noted["client"], case.get("name").split("[")[0]
                row = found.setdefault(name, ClientRow())
                row.add(noted["version"], noted["over"], outcome(case))
        rows |= {name: row.cells() for name, row in found.items()}
    return rows


def client_table(section, files, is_writing):
    pattern = r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \| .* \| \[`(\w+)`\].* \| ([^|]+) \|$"
    committed = {
        (client, test): (version, schemes, result)
        for client, version, schemes, test, result in re.findall(pattern, section.text, re.MULTILINE)
    }
    found = client_rows(files)
    if not is_writing:
        # Other versions on another day are no error.
        found = {
            name: (committed[name][0], *cells[1:]) if name in committed else cells
            for name, cells in found.items()
        }
    tests = {
        name: (file, " ".join((text or "").split()))
        for file in sorted(MATRIX.glob("test_*.py"))
        for name, text in tests_in(ast.parse(file.read_text()))
    }
    missing = set(tests) - {test for _, test in committed | found}
    if missing:
        sys.exit(f"clients without a result: {sorted(missing)}")
    lines = ["", "| client | version | over | what it does | test | result |"]
    lines.append("|---|---|---|---|---|---|")
    for (client, test), cells in sorted((committed | found).items(), key=lambda item: item[0][0].lower()):
        if test not in tests:
            continue
        file, text = tests[test]
        version, schemes, result = cells
        link = f"[`{test}`](../{file.relative_to(REPOSITORY)})"
        lines.append(f"| {client} | {version} | {schemes} | {text} | {link} | {result} |")
    return "\n".join(lines) + "\n\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("results", type=Path, nargs="+")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--only", choices=["cases", "clients"])
    arguments = parser.parse_args()
    if arguments.only != "clients":
        section = Section("cases")
        committed = dict(re.findall(r"\| `(\w+)` \| (.*) \|$", section.text, re.MULTILINE))
        section.settle(table(outcomes(arguments.results), committed), arguments.write)
    if arguments.only != "cases":
        section = Section("clients")
        text = client_table(section, arguments.results, arguments.write)
        section.settle(text, arguments.write)


if __name__ == "__main__":
    main()
