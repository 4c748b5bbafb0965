"""DataGate: stops the run if the data are anomalous, before anything is trained on them."""
