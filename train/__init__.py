"""What makes a checkpoint: data, recipes, networks, losses, the loop and the measures.

Nothing here imports gradio; see README.md for the map.
"""
