"""The programs of the articles in the form that works, with PyMongo 3.13 and 4."""
