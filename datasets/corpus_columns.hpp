// Tables of the corpus file as its writer fills them: rows wait in memory until they make a whole chunk.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/corpus_layout.hpp"
#include "datasets/hdf5.hpp"

namespace braggbench::corpus_layout {

template <class T>
std::span<const std::uint8_t> as_bytes(std::span<const T> values) {
    return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()};
}

// A table that grows at its end: rows wait in memory until they fill a chunk.
class Column {
public:
    template <class T>
    static Column create(const hdf5::Handle& parent, const std::string& name, const char* units,
                         std::uint64_t row_width = 1) {
        const bool flat = row_width == 1;
        Column column;
        column.element_bytes_ = sizeof(T);
        column.row_width_ = row_width;
        column.dataset_ =
            hdf5::create_chunked(parent, name, hdf5::number_of<T>(), flat ? hdf5::Shape{0} : hdf5::Shape{0, row_width},
                                 flat ? hdf5::Shape{hdf5::unlimited} : hdf5::Shape{hdf5::unlimited, row_width},
                                 flat ? hdf5::Shape{rows_per_chunk} : hdf5::Shape{rows_per_chunk, row_width});
        if (units != nullptr) hdf5::set_attribute(column.dataset_, "units", std::string_view(units));
        return column;
    }

    [[nodiscard]] const hdf5::Handle& dataset() const { return dataset_; }

    template <class T>
    void append(std::span<const T> row) {
        const auto bytes = as_bytes(row);
        pending_.insert(pending_.end(), bytes.begin(), bytes.end());
        if (pending_.size() == chunk_bytes()) write_pending();
    }
    template <class T>
    void append(T value) {
        append(std::span<const T>(&value, 1));
    }

    void finish() {
        if (!pending_.empty()) write_pending();
    }

private:
    [[nodiscard]] std::size_t chunk_bytes() const { return rows_per_chunk * row_width_ * element_bytes_; }

    void write_pending() {
        const std::uint64_t first = rows_;
        rows_ += pending_.size() / (row_width_ * element_bytes_);
        pending_.resize(chunk_bytes(), 0);
        const bool flat = row_width_ == 1;
        hdf5::extend(dataset_, flat ? hdf5::Shape{rows_} : hdf5::Shape{rows_, row_width_});
        hdf5::write_chunk(dataset_, flat ? hdf5::Shape{first} : hdf5::Shape{first, 0},
                          hdf5::encode_chunk(pending_, element_bytes_));
        pending_.clear();
    }

    hdf5::Handle dataset_;
    std::size_t element_bytes_ = 1;
    std::uint64_t row_width_ = 1;
    std::uint64_t rows_ = 0;
    std::vector<std::uint8_t> pending_;
};

// A CXI peak table [images, most peaks so far]: it grows along both axes; what was never written reads as 0.
class CxiTable {
public:
    CxiTable(const hdf5::Handle& parent, const std::string& name, std::uint64_t images)
        : images_(images),
          dataset_(hdf5::create_chunked(parent, name, hdf5::Number::f32, {images, 1}, {hdf5::unlimited, max_cxi_peaks},
                                        {cxi_chunk, cxi_chunk})) {}

    [[nodiscard]] const hdf5::Handle& dataset() const { return dataset_; }

    // Rows of the images from `first_image` on, at most cxi_chunk of them.
    void write(std::uint64_t first_image, const std::vector<std::vector<float>>& rows) {
        std::size_t longest = 0;
        for (const auto& row : rows) longest = std::max(longest, row.size());
        if (longest > width_) {
            width_ = longest;
            hdf5::extend(dataset_, {images_, width_});
        }
        for (std::size_t start = 0; start < longest; start += cxi_chunk) {
            std::vector<float> block(cxi_chunk * cxi_chunk, 0.0F);
            for (std::size_t r = 0; r < rows.size(); ++r) {
                const std::size_t end = std::min<std::size_t>(rows[r].size(), start + cxi_chunk);
                for (std::size_t i = start; i < end; ++i) block[r * cxi_chunk + i - start] = rows[r][i];
            }
            hdf5::write_chunk(dataset_, {first_image, start},
                              hdf5::encode_chunk(as_bytes(std::span<const float>(block)), sizeof(float)));
        }
    }

private:
    std::uint64_t images_;
    std::uint64_t width_ = 1;
    hdf5::Handle dataset_;
};

}  // namespace braggbench::corpus_layout
