"""Images in any registry that speaks the OCI distribution specification 1.1 over HTTP."""
