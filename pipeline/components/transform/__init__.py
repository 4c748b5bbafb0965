"""Transform: raw item ids become numbers."""
