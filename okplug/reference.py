"""OCI image references, after the grammar of the distribution project's ``reference`` package."""
