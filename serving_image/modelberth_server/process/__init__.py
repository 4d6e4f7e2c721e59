"""The server as processes: the parent, its workers, the tie to a supervisor."""
