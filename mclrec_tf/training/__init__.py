"""How models learn: losses, objectives, update rules, and what happens around the steps."""
