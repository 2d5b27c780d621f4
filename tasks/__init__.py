"""The verbs, as Prefect tasks: plan, collect, check, settle, report."""
