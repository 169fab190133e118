"""Gradient boosting: learned by scikit-learn, kept and asked without it.

``fit.py`` trains, ``table.py`` is what the trees see of a table, ``trees.py`` holds them as arrays and walks them,
``model.py`` is the trained model. On disk the trees are node arrays in safetensors: scikit-learn itself offers only a
pickle.
"""
