"""How the shipped networks were made, each in one file that reads top to bottom."""
