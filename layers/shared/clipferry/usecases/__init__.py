"""What Clipferry does, one verb each; every collaborator is passed in."""
