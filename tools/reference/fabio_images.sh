#!/usr/bin/env bash
# Takes the detector files out of the history of fabio's repository, where its tests kept them until 2009, each
# named by the hash of its content. They are files of other people without a licence of their own: nothing of them
# is part of this project; one test reads them where they are.
# Usage: tools/reference/fabio_images.sh [FOLDER] [CLONE, if there is one already]
set -euo pipefail
folder=${1:-${XSCATTER_FABIO_IMAGES:-$HOME/.cache/xscatter/fabio-images}}
clone=${2:-}
mkdir -p "$folder"
if [ -z "$clone" ]; then
    clone=$(mktemp -d)
    trap 'rm -rf "$clone"' EXIT
    git clone --quiet --bare --filter=blob:none https://github.com/silx-kit/fabio.git "$clone"
fi
while read -r blob name; do
    git -C "$clone" cat-file blob "$blob" > "$folder/$name.part"
    mv "$folder/$name.part" "$folder/$name"
done <<'FILES'
01534ba2f1ac23178ae5d3ca940de6fea836206b somedata_0001.mccd.bz2
034c0f1f9bb233695b53dfa77998db0adfd68304 corkcont2_H_0089.mccd.bz2
e574fb5adf1dde77be4f960c07e72323744d0e3a example.mar2300.bz2
a0ee1c54d3de3294cc365e863c90d19d8243ab19 b191_1_9_1.img.bz2
ceede65ba96752e3c5f30942f026922038f40ec8 b191_1_9_1_uncompressed.img.bz2
63139ad29e7800a8dfbebff6a41eef772636fc54 i01f0001.kcd.bz2
81780d02b3239c159274ec889e1a90e53e069b3f GE_aSI_detector_image_1529.bz2
d934dffa1ce6fffb03b35e2e54780d895092546a Cr8F8140k103.0026.bz2
ecc1a6447999ba774cc9ce255b9a3f1bcbe7b960 face.msk.bz2
0f6a1d35b7891130307512b7d25a1896a438563a fit2d_click.msk.bz2
FILES
echo "$folder"
