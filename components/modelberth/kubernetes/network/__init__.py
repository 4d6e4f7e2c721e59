"""Who may connect, and how requests come in."""
