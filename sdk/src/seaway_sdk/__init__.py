"""What an app says about itself to Seaway."""
