"""For strangers' browsers: the widget's script, and the page of a chatbot at /c/<slug>."""
