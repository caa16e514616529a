"""What a response would be asked with: its tokens counted, its items made fewer."""
