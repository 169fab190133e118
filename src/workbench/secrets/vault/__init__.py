"""HashiCorp Vault: logging in, secrets of its KV engine, users that it makes in databases. Imported when it is used."""
