"""Nodes → what was written, checked by itself. Changes with what a spec may say."""
