"""The stretches of the road, a file each: what `pipeline` strings together, made of the rooms' own parts."""
