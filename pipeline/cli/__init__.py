"""What the commands have in common. The commands are the modules of `pipeline` itself."""
