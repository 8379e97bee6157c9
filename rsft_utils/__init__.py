"""Companion to 'Rethinking Generalization in Reasoning SFT' (arXiv 2604.06628). Importing it loads no torch."""
