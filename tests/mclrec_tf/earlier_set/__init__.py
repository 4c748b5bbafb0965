"""What the older set of packages wrote, kept beside its writer: newer ones must go on from it."""
