"""The sample project's tests are run by what stands beside it, not from here."""

collect_ignore = ["project"]
