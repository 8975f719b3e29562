"""Two models of the original configuration, as entries of a `models.toml`."""

from __future__ import annotations

SORA = """
[[model]]
id = "sora-2"
name = "Sora 2"
description = "Text or image to video"
durations = [10, 15]
aspect_ratios = ["16:9", "9:16"]
accepts_image = true
cost = { base = 15, per_extra_second = 1.4 }
"""
"""Its offers follow."""
SORA_PRO = """
[[model]]
id = "sora-2-pro"
name = "Sora 2 Pro"
durations = [10, 15]
aspect_ratios = ["16:9", "9:16"]
qualities = ["standard", "high"]
cost = { base = 18, per_extra_second = 1.6, quality_multipliers = { high = 1.4 } }
[[model.offer]]
provider = "kie"
model = "sora-2-pro-text-to-video"
input = { n_frames = "$duration_text", aspect_ratio = "$aspect_ratio", size = "$quality" }
"""
