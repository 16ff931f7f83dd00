"""The training itself: game and play, the loop, checkpoints, random streams, guards; floor 3."""
