"""An endpoint on the machine at hand: no cloud, no container engine, no account."""
