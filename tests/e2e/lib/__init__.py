"""What the end-to-end tests are written with: edge itself, backends, clients, certificates."""
