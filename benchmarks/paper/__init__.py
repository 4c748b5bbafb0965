"""The experiments of the MCLRec paper and further studies, one command each."""
