"""The verbs, as Prefect tasks: collect, check, settle, report."""
