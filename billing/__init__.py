"""Prepaid money: holds, charges, prices, top-ups and the book they are written in."""
