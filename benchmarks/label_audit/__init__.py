"""Which score finds wrong labels: the audit's against simple ones and cleanlab's, on real images with known errors.

python -m benchmarks.label_audit predict --data_set shenzhen --dataset_dir SHENZHEN --folder WORK --seed 0
python -m benchmarks.label_audit score --folder WORK --cleanlab_python VENV/bin/python
python -m benchmarks.label_audit table --folder WORK --output docs/results/label_audit.json
"""
