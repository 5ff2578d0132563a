"""Decision trees from scikit-learn, and their Shapley values: python tools/golden/learn_trees.py OUT.json

Three classes on six features of at most 200 values, which bins keep apart. The trees are small enough that no two
splits gain alike, so both sides must find the same tree, and the same Shapley values of shap's TreeExplainer.
"""

import datetime
import json
import sys

import numpy as np
import shap
import sklearn
from sklearn.datasets import make_classification
from sklearn.tree import DecisionTreeClassifier

x, y = make_classification(
    400, 6, n_informative=4, n_redundant=1, n_classes=3, n_clusters_per_class=2, flip_y=0.05, random_state=10
)
# Eighths: exact in single precision, and no more than 255 values.
x = np.clip(np.round(x * 8) / 8, -12, 12).astype(np.float32)
assert max(len(np.unique(column)) for column in x.T) <= 255
weights = 1 + np.arange(400) % 3
SHOWN = 40

cases = []
for criterion in ["gini", "entropy"]:
    for sample_weight in [None, weights]:
        trees = [
            DecisionTreeClassifier(criterion=criterion, max_depth=5, min_samples_leaf=12, random_state=seed)
            .fit(x, y, sample_weight)
            for seed in range(20)
        ]
        # The seed is the order of the features: no tree depends on it.
        assert all((tree.predict_proba(x) == trees[0].predict_proba(x)).all() for tree in trees)
        model = trees[0]
        values = shap.TreeExplainer(model).shap_values(x[:SHOWN], check_additivity=False)
        splits = model.tree_.feature[model.tree_.feature >= 0]
        cases.append({
            "criterion": criterion,
            "weighted": sample_weight is not None,
            "proba": model.predict_proba(x).round(9).tolist(),
            "importance": model.feature_importances_.round(12).tolist(),
            "splits": np.bincount(splits, minlength=6).tolist(),
            "shap": np.asarray(values).round(9).tolist(),
        })

out = {
    "provenance": {
        "program": "scikit-learn and shap",
        "version": f"{sklearn.__version__} and {shap.__version__}",
        "script": "tools/golden/learn_trees.py",
        "date": datetime.date.today().isoformat(),
        "tolerance": 1e-6,
        "why": "absolute: the shares in our leaves are single precision",
    },
    "cases": {
        "rows": x.astype(float).tolist(),
        "labels": y.tolist(),
        "weights": weights.tolist(),
        "trees": cases,
    },
}
with open(sys.argv[1], "w") as file:
    json.dump(out, file, separators=(",", ":"))
