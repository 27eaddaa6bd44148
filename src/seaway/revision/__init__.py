"""Changes of the user's own files: fixes of findings, and the first `x-seaway` block.

Rules: a second definition is never written; every byte that is no part of a change stays; a change is shown before it
is made; it is proven by loading the app before and after, in every environment, that nothing else means something
else; a file that changed meanwhile is left alone. Not here: what is wrong with an app (`targets.check`), how a text is
edited (`app.edit`), asking a person (`cli`).
"""
