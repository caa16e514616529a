"""What servers like this one get wrong: each mistake with the checks that have to see it."""
