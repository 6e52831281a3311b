package chunks

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"semantik/platform/web"
)

// searchBody asks for chunks. Members that are not known are refused.
type searchBody struct {
	SearchOptions

	CollectionUUIDs []web.UUID `json:"collection_uuids" minItems:"1" maxItems:"10"`
}

// searchSingleBody asks for chunks of one collection.
type searchSingleBody struct {
	SearchOptions

	CollectionID web.UUID `json:"collection_id"`
}

// SearchOptions are what both of them have. It is exported because Huma looks into no
// other embedded type.
type SearchOptions struct {
	Query          string           `json:"query" minLength:"1" maxLength:"1000"`
	K              *int             `json:"k,omitempty" minimum:"1" maximum:"250" doc:"How many results; 10 if absent."`
	TopK           *int             `json:"top_k,omitempty" minimum:"1" maximum:"250" doc:"Another name for k."`
	SearchType     string           `json:"search_type,omitempty" default:"semantic" enum:"semantic,question,code,hybrid"`
	SearchMode     string           `json:"search_mode,omitempty" enum:"dense,sparse,hybrid" doc:"All of them search by words here, and say so in warnings."`
	RRFK           int              `json:"rrf_k,omitempty" default:"60" minimum:"1" maximum:"1000"`
	UseReranker    *bool            `json:"use_reranker,omitempty"`
	RerankModel    *string          `json:"rerank_model,omitempty"`
	RerankerID     *string          `json:"reranker_id,omitempty"`
	ScoreThreshold float64          `json:"score_threshold,omitempty" minimum:"0" maximum:"1" doc:"The least score, before anything is merged. 0.5 and more has all that was asked for."`
	MetadataFilter *json.RawMessage `json:"metadata_filter,omitempty" doc:"An object whose members must all hold of the metadata. Null and {} hold for everything."`
	IncludeContent *bool            `json:"include_content,omitempty" doc:"Whether results have their text; true if absent."`
	UseHyDE        *bool            `json:"use_hyde,omitempty"`
	HybridAlpha    *float64         `json:"hybrid_alpha,omitempty" minimum:"0" maximum:"1"`
	HybridMode     *string          `json:"hybrid_mode,omitempty"`
	KeywordMode    *string          `json:"keyword_mode,omitempty"`
}

// query is what is asked for, of these collections.
func (o SearchOptions) query(ids []uuid.UUID) SearchQuery {
	q := SearchQuery{
		CollectionIDs: ids, Query: o.Query, K: o.limit(), Threshold: o.ScoreThreshold,
		NoContent: o.IncludeContent != nil && !*o.IncludeContent,
	}
	if o.MetadataFilter != nil {
		q.Filter = *o.MetadataFilter
	}
	return q
}

// limit is how many results are asked for.
func (o SearchOptions) limit() int {
	switch {
	case o.K != nil:
		return *o.K
	case o.TopK != nil:
		return *o.TopK
	default:
		return defaultHits
	}
}

// mode is the search mode that is asked for.
func (o SearchOptions) mode() string {
	switch {
	case o.SearchMode != "":
		return o.SearchMode
	case o.SearchType == "hybrid":
		return "hybrid"
	default:
		return "dense"
	}
}

type searchAnswerBody struct {
	Query               string                  `json:"query"`
	Results             []resultBody            `json:"results"`
	TotalResults        int                     `json:"total_results" doc:"How many are given, not how many there are."`
	CollectionsSearched []searchedBody          `json:"collections_searched"`
	SearchType          string                  `json:"search_type"`
	SearchModeUsed      string                  `json:"search_mode_used"`
	Warnings            []string                `json:"warnings"`
	RerankingUsed       bool                    `json:"reranking_used"`
	RerankerModel       *string                 `json:"reranker_model"`
	EmbeddingTimeMS     *float64                `json:"embedding_time_ms"`
	SearchTimeMS        float64                 `json:"search_time_ms"`
	RerankingTimeMS     *float64                `json:"reranking_time_ms"`
	TotalTimeMS         float64                 `json:"total_time_ms"`
	HyDEUsed            bool                    `json:"hyde_used"`
	HyDEInfo            *struct{}               `json:"hyde_info"`
	PartialFailure      bool                    `json:"partial_failure"`
	FailedCollections   *[]failedCollectionBody `json:"failed_collections"`
	APIVersion          string                  `json:"api_version" enum:"2.0"`
}

type failedCollectionBody struct {
	CollectionID   web.UUID `json:"collection_id"`
	CollectionName string   `json:"collection_name"`
	Error          string   `json:"error"`
	ErrorMessage   string   `json:"error_message"`
}

type searchedBody struct {
	ID          web.UUID `json:"id"`
	Name        string   `json:"name"`
	ResultCount int      `json:"result_count"`
}

type resultBody struct {
	DocumentID     *web.UUID       `json:"document_id"`
	ChunkID        int64           `json:"chunk_id"`
	Score          float64         `json:"score"`
	Text           string          `json:"text"`
	Snippet        string          `json:"snippet" doc:"The part around the words, as HTML with the words in <mark>; everything else is escaped."`
	Metadata       json.RawMessage `json:"metadata"`
	FileName       string          `json:"file_name"`
	FilePath       string          `json:"file_path"`
	ChunkIndex     *int            `json:"chunk_index"`
	TotalChunks    *int64          `json:"total_chunks"`
	CollectionID   web.UUID        `json:"collection_id"`
	CollectionName string          `json:"collection_name"`
	OriginalScore  float64         `json:"original_score"`
	RerankedScore  *float64        `json:"reranked_score"`
	EmbeddingModel string          `json:"embedding_model"`
}

func newSearchAnswerBody(in SearchOptions, r SearchResult) searchAnswerBody {
	took := float64(r.Took) / float64(time.Millisecond)
	body := searchAnswerBody{
		Query: in.Query, Results: make([]resultBody, len(r.Hits)), TotalResults: len(r.Hits),
		CollectionsSearched: make([]searchedBody, len(r.Searched)), SearchType: in.SearchType, SearchModeUsed: "sparse",
		Warnings: append(in.notOffered(), r.Warnings...), SearchTimeMS: took, TotalTimeMS: took, APIVersion: "2.0",
	}
	if len(r.Failed) > 0 {
		failed := make([]failedCollectionBody, len(r.Failed))
		for i, f := range r.Failed {
			failed[i] = failedCollectionBody{web.NewUUID(f.Collection.ID), f.Collection.Name, f.Code, f.Message}
		}
		body.PartialFailure, body.FailedCollections = true, &failed
	}
	names, models := map[web.UUID]string{}, map[web.UUID]string{}
	for i, s := range r.Searched {
		id := web.NewUUID(s.Collection.ID)
		names[id], models[id] = s.Collection.Name, s.Collection.EmbeddingModel
		body.CollectionsSearched[i] = searchedBody{ID: id, Name: s.Collection.Name, ResultCount: s.Hits}
	}
	for i, h := range r.Hits {
		id := web.NewUUID(h.CollectionID)
		result := resultBody{
			ChunkID: h.ChunkID, Score: h.Score, Text: h.Content, Snippet: h.Snippet, Metadata: h.Metadata,
			FileName: h.FileName, FilePath: h.FilePath, ChunkIndex: &h.ChunkIndex, TotalChunks: &h.TotalChunks,
			CollectionID: id, CollectionName: names[id], OriginalScore: h.Score, EmbeddingModel: models[id],
		}
		if h.DocumentID != nil {
			document := web.NewUUID(*h.DocumentID)
			result.DocumentID = &document
		}
		body.Results[i] = result
	}
	return body
}
