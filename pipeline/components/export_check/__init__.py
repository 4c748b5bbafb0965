"""ExportCheck: loads the exported model as TensorFlow Serving does."""
