"""Custom resources that ask a cluster, or keep something in it that no program may see."""
