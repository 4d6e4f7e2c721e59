"""How the provider of a cloud is imitated: what it fills in, computes, names, replaces and refuses."""
