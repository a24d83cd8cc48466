"""What everything else stands on: text shown, files read."""
