"""Tests of the stretches of the road, and of the agent."""
