"""The paper's edits (§4.3, App. E) and more, as controllers, step hooks and wrappers."""
