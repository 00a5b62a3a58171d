"""The sandbox in which tests and replay run workflows; production may, by a setting."""

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

OWN_MODULES = ("schemas", "domain", "workflows", "pydantic", "pydantic_core", "biip", "pycountry", "annotated_types")


def sandbox() -> SandboxedWorkflowRunner:
    """The SDK's sandbox; our own models are passed through once instead of imported anew for each order."""
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*OWN_MODULES))
