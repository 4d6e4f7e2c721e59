"""Four resources and the stack: what the engine takes for a deployment with nothing behind it."""

import pulumi

for index in range(4):
    pulumi.ComponentResource("benchmark:index:Component", f"component-{index}")
