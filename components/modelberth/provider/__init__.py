"""Our own Pulumi provider: custom resources where no cloud's provider has one."""
