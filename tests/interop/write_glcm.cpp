// Reads 8-bit images and offsets as JSON on standard input, writes their co-occurrence properties: glcm_skimage.py
// compares.
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <vector>

#include "classifiers/classical/glcm.hpp"

int main() {
    const auto input = nlohmann::json::parse(std::cin);
    nlohmann::json output = nlohmann::json::array();
    for (const auto& one : input) {
        braggbench::Image<std::uint8_t> image(one.at("width").get<int>(), one.at("height").get<int>());
        one.at("pixels").get_to(image.pixels);
        const auto offsets = braggbench::glcm_offsets(one.at("distances").get<std::vector<int>>(),
                                                      one.at("angles_deg").get<std::vector<double>>());
        nlohmann::json rows = nlohmann::json::array();
        for (const auto& properties : braggbench::glcm_properties(image, offsets)) rows.push_back(properties.values());
        output.push_back(rows);
    }
    std::cout << output.dump() << '\n';
    return EXIT_SUCCESS;
}
