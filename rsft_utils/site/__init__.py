"""A web site of the executed notebooks and the documents: plain files, read offline or from any static host.

It loads nothing from elsewhere and runs no script. What a notebook printed or drew is untrusted: text is escaped, HTML
is reduced to tables, everything else is left out.
"""
